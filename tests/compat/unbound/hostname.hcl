dns_config { service_ttl { "*" = "60s" } }
