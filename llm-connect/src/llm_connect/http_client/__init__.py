"""An HTTP/1.1 client: what it takes off a request is why it is our own (docs/adr/0026). It knows of no provider.

connection  one connection, one request after the other: llhttp reads, asyncio writes
pool        the connections to one server, and what TLS accepts
"""
