"""OpenAI's wire formats, which most other servers speak too."""
