service "web" {
  port = 80
}
bogus "x" { a = 1 }
