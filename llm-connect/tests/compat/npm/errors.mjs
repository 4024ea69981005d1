// Which class of the client a failure of the provider becomes, and the `type` that the README documents for it.
export const NAME_OF_ERROR = {
  400: ["BadRequestError", "provider_refused_request"],
  401: ["InternalServerError", "provider_key_refused"],
  402: ["InternalServerError", "provider_credit"],
  404: ["NotFoundError", "provider_no_endpoint"],
  429: ["RateLimitError", "provider_rate_limit"],
  "empty-choices": ["InternalServerError", "provider_empty"],
  "not-json": ["InternalServerError", "provider_not_json"],
  reset: ["InternalServerError", "provider_reset"],
  silent: ["InternalServerError", "deadline"],
  "nobody/declared-this": ["NotFoundError", "unknown_profile"],
};
