"""Does a ported model file compute what the PyTorch original computes? See `judge`."""
