"""Who calls: bearer tokens and Kubernetes service accounts."""
