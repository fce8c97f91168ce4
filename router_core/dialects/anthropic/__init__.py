"""Anthropic's Messages format: chat in OpenAI's shapes (`chat.Chat`) and as it is (`messages.Messages`).

Both take a `Place`: Anthropic itself, Vertex AI and Bedrock serve the same format at different paths.
"""
