"""What a terminal may send that Textual does not expect."""

import codecs
from functools import partial


def forgive_bad_bytes() -> None:
    """Show bytes that are no UTF-8 as �.

    They come with a paste out of a file of another encoding; Textual 8.2 ends the app over the
    first one.
    """
    try:
        from textual.drivers import linux_driver
    except ImportError:  # Windows hands over text, not bytes
        return
    forgiving = partial(codecs.getincrementaldecoder("utf-8"), errors="replace")
    vars(linux_driver)["getincrementaldecoder"] = lambda _encoding: forgiving
