"""Export and import of a profile: the two entry points, and what they hand out."""

from pocket_agent.portable.contents import Summary, read_contents
from pocket_agent.portable.taking_in import import_profile
from pocket_agent.portable.writing import export_profile

__all__ = ["Summary", "export_profile", "import_profile", "read_contents"]
