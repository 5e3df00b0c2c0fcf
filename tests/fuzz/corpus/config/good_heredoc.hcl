check {
  name = "h"
  interval = "5s"
  script = <<-EOF
    test -f /x &&
      exit 1
    EOF
}
