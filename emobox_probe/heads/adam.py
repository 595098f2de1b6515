"""The constants of Adam (Kingma and Ba, 2015), as torch.optim.Adam has them."""

ADAM_BETAS, ADAM_EPSILON = (0.9, 0.999), 1e-8
