"""JAX code that is copied into ported files. The product reads it as text and never imports it."""
