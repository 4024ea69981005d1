"""The Kubernetes objects a delivery implies, their comparison, rights, exposure and adoption."""
