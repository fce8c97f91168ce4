"""Google's generateContent and its neighbours, as AI Studio and Vertex AI speak them."""
