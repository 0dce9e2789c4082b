// Package contract is the generated code of test/interop/proto/interop.proto.
package contract

//go:generate go run ../generate
