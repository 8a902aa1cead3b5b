/**
 * The JSON of the SMART configuration (SMART App Launch 2.2, conformance): backend services, and nothing that is not here. `S256` is asked of
 * every server, with an authorization endpoint or without.
 */
export function smartConfiguration(tokenEndpoint: string): string {
  return JSON.stringify({
    token_endpoint: tokenEndpoint,
    token_endpoint_auth_methods_supported: ['private_key_jwt'],
    token_endpoint_auth_signing_alg_values_supported: ['ES384', 'RS384'],
    grant_types_supported: ['client_credentials'],
    scopes_supported: ['system/*.cruds', 'system/*.rs', 'system/*.read', 'system/*.write', 'system/*.*'],
    code_challenge_methods_supported: ['S256'],
    capabilities: ['client-confidential-asymmetric', 'permission-v1', 'permission-v2'],
  });
}
