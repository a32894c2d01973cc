"""What figures of generated wallets truly are: slow, obvious, from what each action meant."""
