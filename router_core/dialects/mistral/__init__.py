"""Mistral's wire formats: OpenAI's with differences."""
