package migrate

const childFolder = "NFACCT_TEST_MIGRATE"

func child(folder string) error { return nil }
