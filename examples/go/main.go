// Asks for an analysis, follows its progress, prints its pairs: go run . WALLET WALLET ...
package main

import (
	"context"
	"encoding/json"
	"fmt"
	"log"
	"os"
	"strings"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"
)

func main() {
	ctx, prefix := context.Background(), os.Getenv("STREAMPROC_TOPIC_PREFIX")+"analysis-"
	client := must(kgo.NewClient(kgo.SeedBrokers(strings.Split(os.Getenv("STREAMPROC_KAFKA_BROKERS"), ",")...)))
	defer client.Close()
	id := fmt.Sprintf("go-%d", time.Now().UnixNano())
	request := must(json.Marshal(map[string]any{"request_id": id, "wallets": os.Args[1:]}))

	// Read from where the topics end now, then ask: no answer is missed.
	ends := must(kadm.NewClient(client).ListEndOffsets(ctx, prefix+"progress", prefix+"completed", prefix+"failed"))
	client.AddConsumePartitions(ends.KOffsets())
	must(client.ProduceSync(ctx, &kgo.Record{Topic: prefix + "requested", Key: []byte(id), Value: request}).First())

	seen, progress, end := map[string]bool{}, map[string]any{}, map[string]any{}
	for progress["terminal"] != true || end["status"] == nil { // topics have no order among each other: wait for both
		for _, record := range client.PollFetches(ctx).Records() {
			if string(record.Key) != id || seen[header(record, "ce_id")] {
				continue // another request, or a repeat
			}
			seen[header(record, "ce_id")] = true
			if record.Topic == prefix+"progress" {
				must(0, json.Unmarshal(record.Value, &progress))
				fmt.Println(progress["percent"], "%", progress["message"])
			} else {
				must(0, json.Unmarshal(record.Value, &end))
			}
		}
	}
	if end["status"] != "completed" {
		log.Fatal(end["status"], ": ", end["message"])
	}
	for _, each := range end["pairs"].([]any) {
		pair := each.(map[string]any)
		fmt.Println(pair["wallet_a"], pair["wallet_b"], pair["scores"].(map[string]any)["idf"], pair["verdict"])
	}
}

func header(record *kgo.Record, name string) string {
	for _, header := range record.Headers {
		if header.Key == name {
			return string(header.Value)
		}
	}
	return ""
}

func must[T any](value T, err error) T {
	if err != nil {
		log.Fatal(err)
	}
	return value
}
