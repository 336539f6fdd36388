"""What the DeepSORT paper does not have: each step of the tracker calls one of these."""
