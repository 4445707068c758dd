package rest

// V1Codes lists the numbers of version 1, for the test that each of them is
// either got from the API or known not to be.
func V1Codes() []string {
	var out []string
	for _, c := range allCodes() {
		if c.v1 {
			out = append(out, c.id)
		}
	}
	return out
}
