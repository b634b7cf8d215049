-- What a key may be used for beyond its scopes. Null: every model, every address.

alter table api_keys
  add column models text[] check (cardinality(models) > 0),
  add column allowed_addresses text[] check (cardinality(allowed_addresses) > 0);
