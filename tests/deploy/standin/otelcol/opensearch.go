package main

// A stand-in for the contrib exporter `opensearch`, which the module proxy does not serve. It takes the part of its
// settings that deploy/compose/otel-collector.yaml uses, and writes documents of the same fields (Simple Schema for
// Observability), one bulk request a batch, to an index a day.

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"time"

	"go.opentelemetry.io/collector/component"
	"go.opentelemetry.io/collector/config/confighttp"
	"go.opentelemetry.io/collector/config/configoptional"
	"go.opentelemetry.io/collector/config/configretry"
	"go.opentelemetry.io/collector/consumer/consumererror"
	"go.opentelemetry.io/collector/exporter"
	"go.opentelemetry.io/collector/exporter/exporterhelper"
	"go.opentelemetry.io/collector/pdata/pcommon"
	"go.opentelemetry.io/collector/pdata/plog"
	"go.uber.org/zap"
)

type openSearchConfig struct {
	HTTP       confighttp.ClientConfig                                  `mapstructure:"http"`
	Retry      configretry.BackOffConfig                                `mapstructure:"retry_on_failure"`
	Timeout    exporterhelper.TimeoutConfig                             `mapstructure:",squash"`
	Queue      configoptional.Optional[exporterhelper.QueueBatchConfig] `mapstructure:"sending_queue"`
	Index      string                                                   `mapstructure:"logs_index"`
	TimeFormat string                                                   `mapstructure:"logs_index_time_format"`
}

type openSearchExporter struct {
	config *openSearchConfig
	set    component.TelemetrySettings
	client *http.Client
}

func openSearchFactory() exporter.Factory {
	return exporter.NewFactory(component.MustNewType("opensearch"), func() component.Config {
		return &openSearchConfig{
			HTTP:    confighttp.NewDefaultClientConfig(),
			Retry:   configretry.NewDefaultBackOffConfig(),
			Timeout: exporterhelper.NewDefaultTimeoutConfig(),
			Queue:   configoptional.Default(exporterhelper.NewDefaultQueueConfig()),
		}
	}, exporter.WithLogs(newOpenSearch, component.StabilityLevelDevelopment))
}

func newOpenSearch(ctx context.Context, set exporter.Settings, given component.Config) (exporter.Logs, error) {
	config := given.(*openSearchConfig)
	made := &openSearchExporter{config: config, set: set.TelemetrySettings}
	return exporterhelper.NewLogs(ctx, set, config, made.push,
		exporterhelper.WithStart(made.start), exporterhelper.WithTimeout(config.Timeout),
		exporterhelper.WithRetry(config.Retry), exporterhelper.WithQueue(config.Queue))
}

func (e *openSearchExporter) start(ctx context.Context, host component.Host) (err error) {
	e.client, err = e.config.HTTP.ToClient(ctx, host.GetExtensions(), e.set)
	return err
}

func (e *openSearchExporter) index() string {
	layout := strings.NewReplacer("yyyy", "2006", "MM", "01", "dd", "02").Replace(e.config.TimeFormat)
	return e.config.Index + "-" + time.Now().UTC().Format(layout)
}

func texts(attributes pcommon.Map) map[string]string {
	found := map[string]string{}
	for name, value := range attributes.All() {
		found[name] = value.AsString()
	}
	return found
}

func document(resource pcommon.Resource, record plog.LogRecord) map[string]any {
	return map[string]any{
		"attributes":        record.Attributes().AsRaw(),
		"body":              record.Body().AsString(),
		"observedTimestamp": time.Now().UTC(),
		"@timestamp":        record.Timestamp().AsTime(),
		"resource":          texts(resource.Attributes()),
		"severity":          map[string]any{"text": record.SeverityText(), "number": int64(record.SeverityNumber())},
		"spanId":            record.SpanID().String(),
		"traceId":           record.TraceID().String(),
	}
}

func (e *openSearchExporter) push(ctx context.Context, logs plog.Logs) error {
	var body bytes.Buffer
	lines := json.NewEncoder(&body)
	action := map[string]any{"create": map[string]string{"_index": e.index()}}
	for _, resourceLogs := range logs.ResourceLogs().All() {
		for _, scopeLogs := range resourceLogs.ScopeLogs().All() {
			for _, record := range scopeLogs.LogRecords().All() {
				if err := errors.Join(lines.Encode(action), lines.Encode(document(resourceLogs.Resource(), record))); err != nil {
					return consumererror.NewPermanent(err)
				}
			}
		}
	}
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, e.config.HTTP.Endpoint+"/_bulk", &body)
	if err != nil {
		return consumererror.NewPermanent(err)
	}
	request.Header.Set("Content-Type", "application/x-ndjson")
	answer, err := e.client.Do(request)
	if err != nil {
		return err
	}
	defer answer.Body.Close()
	if answer.StatusCode != http.StatusOK {
		return fmt.Errorf("OpenSearch answered %s", answer.Status)
	}
	return e.refused(answer)
}

// refused says which documents were not taken. They are lost, as they are with the real one.
func (e *openSearchExporter) refused(answer *http.Response) error {
	var result struct {
		Items []map[string]struct {
			Status int             `json:"status"`
			Error  json.RawMessage `json:"error"`
		} `json:"items"`
	}
	if err := json.NewDecoder(answer.Body).Decode(&result); err != nil {
		return consumererror.NewPermanent(err)
	}
	for _, item := range result.Items {
		for _, outcome := range item {
			if outcome.Status >= http.StatusMultipleChoices {
				e.set.Logger.Error("document refused", zap.Int("status", outcome.Status), zap.ByteString("error", outcome.Error))
			}
		}
	}
	return nil
}
