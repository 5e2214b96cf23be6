"""The API's resource groups, one module each: what is sent, what comes back, and where it goes."""
