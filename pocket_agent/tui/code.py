"""Finds the code in a reply."""


def last_code_block(markdown: str) -> str:
    """The inside of the last code block of a Markdown text, or an empty string."""
    from markdown_it import MarkdownIt

    kinds = ("fence", "code_block")
    found = [t.content for t in MarkdownIt("commonmark").parse(markdown) if t.type in kinds]
    return found[-1].rstrip("\n") if found else ""
