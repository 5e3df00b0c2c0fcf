datacenter { a = 1 }
datacenter { b = 2 }
