package pack

func runChild() int { return 0 }
