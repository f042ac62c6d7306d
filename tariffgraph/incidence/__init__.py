"""What came out: rates, money, and who charges what."""
