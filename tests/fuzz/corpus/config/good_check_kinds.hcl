# Everything that a check can do by the clock, in all that can be said of it.
checks = [
  { name = "grpc", grpc = "127.0.0.1:9000", interval = "10s" },
  { name = "grpc-service", grpc = "web.example:9000/pkg.Web/v1", interval = "10s", timeout = "1s" },
  { name = "grpc-tls", grpc = "[::1]:9000", grpc_use_tls = true, tls_skip_verify = true, tls_server_name = "web.example", interval = "10s" },
  { name = "h2ping", h2ping = "127.0.0.1:443", tls_skip_verify = true, interval = "10s" },
  { name = "h2ping-plain", H2PING = "127.0.0.1:80", H2PingUseTLS = false, tls_skip_verify = true, interval = "10s" },
  { name = "docker", docker_container_id = "f972c95ebf0e", args = ["/usr/local/bin/check", "-x"], interval = "10s" },
  { name = "docker-shell", DockerContainerID = "web", shell = "/bin/bash", script = "exit 1", interval = "10s", timeout = "5s" },
  { name = "unit", os_service = "nginx", interval = "10s" },
  { name = "unit-instance", OSService = "getty@tty1.service", interval = "10ms" },
  # Taken, with a word: these can never pass, or say more than counts.
  { name = "no-port", grpc = "web.example/pkg.Web", interval = "10s" },
  { name = "no-port-either", h2ping = "web.example", interval = "10s" },
  { name = "several", http = "http://a", docker_container_id = "web", args = ["true"], os_service = "nginx", interval = "10s" },
  { name = "no-such-switch", http = "https://a", tls_server_name = "b", interval = "10s" },
]
