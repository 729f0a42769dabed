// Command versitygw is versitygw's S3 gateway over a folder, and nothing else of it.
//
// Its own command has, beside that, four other kinds of storage, an IAM service and its integration tests:
// half of all that would be compiled, and none of it is ever called here.
package main

import (
	"context"
	"flag"
	"log"
	"os"
	"os/signal"
	"syscall"

	"github.com/versity/versitygw/backend/meta"
	"github.com/versity/versitygw/backend/posix"
	"github.com/versity/versitygw/embedgw"
)

func main() {
	// As versitygw's own command has them; what has no flag here has that command's default.
	gateway := embedgw.Config{
		RootUserAccess:      os.Getenv("ROOT_ACCESS_KEY_ID"),
		RootUserSecret:      os.Getenv("ROOT_SECRET_ACCESS_KEY"),
		MaxConnections:      250000,
		MaxRequests:         100000,
		AdminMaxConnections: 250000,
		AdminMaxRequests:    100000,
		MultipartMaxParts:   10000,
		IAMCacheTTL:         120,
		IAMCachePrune:       3600,
	}
	port := flag.String("port", ":7070", "address to listen at")
	sidecar := flag.String("sidecar", "", "folder for metadata, where the file system keeps no extended attributes")
	flag.StringVar(&gateway.Region, "region", "us-east-1", "region that clients are told")
	flag.StringVar(&gateway.AccessLog, "access-log", "", "file for a line on each request")
	flag.StringVar(&gateway.CertFile, "cert", "", "certificate, for TLS")
	flag.StringVar(&gateway.KeyFile, "key", "", "the certificate's key")
	flag.StringVar(&gateway.HealthPath, "health", "", "path that says whether the server is up")
	flag.BoolVar(&gateway.KeepAlive, "keep-alive", false, "keep connections open between requests")
	flag.Parse()
	if flag.NArg() != 1 {
		log.Fatalf("name the one folder that holds the buckets, not %q", flag.Args())
	}
	gateway.Ports = []string{*port}

	ended, stop := signal.NotifyContext(context.Background(), syscall.SIGINT, syscall.SIGTERM)
	defer stop()
	if err := serve(ended, &gateway, flag.Arg(0), *sidecar); err != nil {
		log.Fatal(err)
	}
}

func serve(ended context.Context, gateway *embedgw.Config, folder, sidecar string) error {
	options := posix.PosixOpts{SideCarDir: sidecar, CopyObjectThreshold: 5 << 30}
	metadata, err := keeper(folder, sidecar)
	if err != nil {
		return err
	}
	objects, err := posix.New(folder, metadata, options)
	if err != nil {
		return err
	}
	return embedgw.RunVersityGW(ended, objects, gateway)
}

// keeper returns what keeps the objects' metadata.
func keeper(folder, sidecar string) (meta.MetadataStorer, error) {
	if sidecar != "" {
		return meta.NewSideCar(sidecar)
	}
	return meta.XattrMeta{}, meta.XattrMeta{}.Test(folder)
}
