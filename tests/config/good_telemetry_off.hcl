# Less than none is none.
telemetry {
  prometheus_retention_time = "-1s"
}
