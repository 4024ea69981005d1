// Prints when a schedule is due: the moments after START, COUNT of them, one a line, RFC 3339.
//
//	go run moments.go 'TZ=Europe/Berlin 20 7 * * *' 2026-03-27T12:00:00Z 4
//
// The parser is the one that kube-controller-manager uses (pkg/controller/cronjob/utils.go, formatSchedule), in the
// version that the embedded cluster's go.mod pins: run it in that module's directory.
package main

import (
	"fmt"
	"os"
	"strconv"
	"time"

	"github.com/robfig/cron/v3"
)

func main() {
	schedule, err := cron.ParseStandard(os.Args[1])
	must(err)
	moment, err := time.Parse(time.RFC3339, os.Args[2])
	must(err)
	count, err := strconv.Atoi(os.Args[3])
	must(err)
	for range count {
		moment = schedule.Next(moment)
		fmt.Println(moment.Format(time.RFC3339))
	}
}

func must(err error) {
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}
