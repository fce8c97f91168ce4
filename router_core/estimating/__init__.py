"""What a call will use, guessed before it is sent: tokens, context windows, upper bounds."""
