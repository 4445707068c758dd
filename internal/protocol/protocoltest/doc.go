// Package protocoltest is what tests of wire protocols stand on: small working
// stand-ins for identity, enroll and the audit log ([World]), real listeners
// over them ([World.Serve]), and the contract suite that every protocol runs
// ([Run]).
package protocoltest
