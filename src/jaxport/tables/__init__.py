"""What we know of torch, Optax and Flax, as data."""
