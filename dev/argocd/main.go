// Command argodiff says whether Argo CD would show an object as OutOfSync: it compares what Git has with what is in the
// cluster by the library with which Argo CD does, in each of the ways that an application can choose.
//
// Its arguments are those of an API server's OpenAPI v2 document. It reads objects {"desired": ..., "live": ...,
// "dryRun": ...} from standard input, dryRun being what a server-side apply of the desired one as argocd-controller
// would make, and answers each with a line: {"ways": {WAY: {"modified": ..., "predicted": ..., "live": ...}}}.
// See util/argo/diff/diff.go of https://github.com/argoproj/argo-cd.
package main

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"

	"github.com/argoproj/gitops-engine/pkg/diff"
	openapi "github.com/google/gnostic-models/openapiv2"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/util/managedfields"
	"k8s.io/kube-openapi/pkg/util/proto"
)

const manager = "argocd-controller"

type pair struct {
	Desired json.RawMessage `json:"desired"`
	Live    json.RawMessage `json:"live"`
	DryRun  json.RawMessage `json:"dryRun"`
}

type difference struct {
	Modified  bool            `json:"modified"`
	Predicted json.RawMessage `json:"predicted"`
	Live      json.RawMessage `json:"live"`
}

type answer struct {
	Ways map[string]difference `json:"ways"`
}

// dryRun stands for the request that Argo CD would send; the caller has sent it.
type dryRun string

func (d dryRun) Run(context.Context, *unstructured.Unstructured, string) (string, error) {
	return string(d), nil
}

func main() {
	if err := run(os.Args[1:], os.Stdin, os.Stdout); err != nil {
		fmt.Fprintln(os.Stderr, "argodiff:", err)
		os.Exit(1)
	}
}

func run(arguments []string, in io.Reader, out io.Writer) error {
	if len(arguments) != 1 {
		return errors.New("one argument, the file of an API server's OpenAPI v2 document")
	}
	parser, err := parserOf(arguments[0])
	if err != nil {
		return err
	}
	decoder := json.NewDecoder(in)
	buffered := bufio.NewWriter(out)
	encoder := json.NewEncoder(buffered)
	for {
		var given pair
		if err := decoder.Decode(&given); errors.Is(err, io.EOF) {
			return buffered.Flush()
		} else if err != nil {
			return err
		}
		said, err := compare(given, parser)
		if err != nil {
			return err
		}
		if err := encoder.Encode(said); err != nil {
			return err
		}
	}
}

func parserOf(file string) (*managedfields.GvkParser, error) {
	content, err := os.ReadFile(file)
	if err != nil {
		return nil, err
	}
	document, err := openapi.ParseDocument(content)
	if err != nil {
		return nil, err
	}
	models, err := proto.NewOpenAPIData(document)
	if err != nil {
		return nil, err
	}
	return managedfields.NewGVKParser(models, false)
}

func compare(given pair, parser *managedfields.GvkParser) (answer, error) {
	ways := map[string][]diff.Option{
		// What is in the annotation of the last apply counts, where there is one.
		"client-side apply": {},
		// The sync option ServerSideApply=true.
		"server-side apply": {diff.WithStructuredMergeDiff(true)},
		// The annotation argocd.argoproj.io/compare-options: ServerSideDiff=true.
		"server-side diff": {diff.WithServerSideDiff(true), diff.WithServerSideDryRunner(dryRun(given.DryRun))},
	}
	said := answer{map[string]difference{}}
	for way, options := range ways {
		// Each way gets objects of its own: some change them.
		desired, live := &unstructured.Unstructured{}, &unstructured.Unstructured{}
		if err := desired.UnmarshalJSON(given.Desired); err != nil {
			return answer{}, err
		}
		if err := live.UnmarshalJSON(given.Live); err != nil {
			return answer{}, err
		}
		common := []diff.Option{diff.WithGVKParser(parser), diff.WithManager(manager), diff.IgnoreAggregatedRoles(false)}
		found, err := diff.Diff(desired, live, append(common, options...)...)
		if err != nil {
			return answer{}, fmt.Errorf("%s of %s %s: %w", way, desired.GetKind(), desired.GetName(), err)
		}
		said.Ways[way] = difference{found.Modified, found.PredictedLive, found.NormalizedLive}
	}
	return said, nil
}
