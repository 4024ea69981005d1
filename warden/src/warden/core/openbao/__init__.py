"""The OpenBao objects a lane implies, their comparison, and the rights each verb needs."""
