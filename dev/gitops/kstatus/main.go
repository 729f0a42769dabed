// Command kstatus says what kstatus makes of Kubernetes objects: the library by which Flux and others tell whether a
// resource is done.
//
// It reads JSON objects from standard input and answers each with a line: {"status": ..., "message": ...}.
package main

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"sigs.k8s.io/cli-utils/pkg/kstatus/status"
)

type answer struct {
	Status  status.Status `json:"status"`
	Message string        `json:"message"`
}

func main() {
	if err := run(os.Stdin, os.Stdout); err != nil {
		fmt.Fprintln(os.Stderr, "kstatus:", err)
		os.Exit(1)
	}
}

func run(in io.Reader, out io.Writer) error {
	decoder := json.NewDecoder(in)
	buffered := bufio.NewWriter(out)
	encoder := json.NewEncoder(buffered)
	for {
		var raw json.RawMessage
		if err := decoder.Decode(&raw); errors.Is(err, io.EOF) {
			return buffered.Flush()
		} else if err != nil {
			return err
		}
		// Not encoding/json: whole numbers have to become int64, as they do in every Kubernetes client.
		object := &unstructured.Unstructured{}
		if err := object.UnmarshalJSON(raw); err != nil {
			return err
		}
		result, err := status.Compute(object)
		if err != nil {
			return err
		}
		if err := encoder.Encode(answer{result.Status, result.Message}); err != nil {
			return err
		}
	}
}
