// External Secrets Operator as its authors start it; it is built from here so that go.sum pins it.
package main

import operator "github.com/external-secrets/external-secrets/cmd/controller"

func main() {
	operator.Execute()
}
