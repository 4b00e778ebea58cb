"""The messages and stubs of Tandem's wire, made from the .proto files; how gRPC reads is settled before any of them loads it."""

from tandem.polling import settle

settle()
