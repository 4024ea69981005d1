"""The Kubernetes API and the kubeconfig that names it."""
