// Package core holds the nouns of Certwright, their states with the table of
// allowed transitions, typed ids, [Error], the filter tree and [Tx]. It
// imports the standard library only and every other package may import it.
package core
