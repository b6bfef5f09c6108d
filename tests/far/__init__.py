"""The far ends of the wire: small servers that speak a platform's protocol and fail on request."""
