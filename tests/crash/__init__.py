"""The crash test: real gateways killed at every step of the road, and an account of what users saw of it.

The far ends live in this process and outlive every kill: a platform that sends each message until it is taken, and a
bot that answers differently whenever it is asked. What they have seen is the evidence; the gateway's own store is
asked only whether it owned up to what it could not know.
"""
