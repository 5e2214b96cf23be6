"""What the sandbox knows: its records, their money and their time; used by every wing above, and uses none of them."""
