"""Amazon Bedrock's wire formats: Converse for chat, and each vendor's own by invoke for what Converse lacks."""
