# So that answers, negative ones too, are kept.
dns_config {
  service_ttl { "*" = "60s" }
  soa { min_ttl = 60 }
}
