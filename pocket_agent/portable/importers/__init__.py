"""Reading what other programs know of a person: their files, as conversations and statements."""
