// The macros of OpenSSL that TLS needs, as functions: Swift imports no macro that has arguments.
#ifndef CARILLON_TLS_H
#define CARILLON_TLS_H

#include <openssl/core_names.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/ocsp.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>
#include <string.h>

// Authorities between a certificate and one that is trusted: public chains have two. Each costs a verification.
#define CARILLON_AUTHORITIES_MAX 8

static inline int carillon_ssl_ctx_set_versions(SSL_CTX *context, int lowest, int highest) {
    return SSL_CTX_set_min_proto_version(context, lowest) && SSL_CTX_set_max_proto_version(context, highest);
}

static inline int carillon_ssl_ctx_set_groups(SSL_CTX *context, const char *groups) {
    return (int)SSL_CTX_set1_groups_list(context, groups);
}

static inline void carillon_ssl_ctx_set_options(SSL_CTX *context) {
    SSL_CTX_set_options(
        context, SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_COMPRESSION | SSL_OP_CIPHER_SERVER_PREFERENCE);
    SSL_CTX_set_mode(context, SSL_MODE_RELEASE_BUFFERS);
    // Else one SSL_read goes through any number of messages that are no data, and nobody counts them.
    SSL_CTX_clear_mode(context, SSL_MODE_AUTO_RETRY);
    SSL_CTX_set_verify_depth(context, CARILLON_AUTHORITIES_MAX);
}

static inline void carillon_ssl_ctx_set_session_cache(SSL_CTX *context, long mode) {
    SSL_CTX_set_session_cache_mode(context, mode);
}

static inline void carillon_ssl_ctx_set_name_callback(SSL_CTX *context, int (*callback)(SSL *, int *, void *)) {
    SSL_CTX_set_tlsext_servername_callback(context, callback);
}

static inline void carillon_ssl_ctx_set_status_callback(SSL_CTX *context, int (*callback)(SSL *, void *)) {
    SSL_CTX_set_tlsext_status_cb(context, callback);
}

static inline int carillon_ssl_set_host_name(SSL *ssl, const char *name) {
    return (int)SSL_set_tlsext_host_name(ssl, name);
}

// The copy is the SSL's.
static inline int carillon_ssl_staple(SSL *ssl, const unsigned char *bytes, size_t count) {
    unsigned char *copy = OPENSSL_memdup(bytes, count);
    if (copy == NULL) return 0;
    return (int)SSL_set_tlsext_status_ocsp_resp(ssl, copy, (long)count);
}

// RFC 5077 4: AES-256-CBC and HMAC-SHA-256, each with a key of 32 bytes. In C, as a parameter keeps the address of its
// name.
static inline int carillon_ticket_init(
    EVP_CIPHER_CTX *cipher, EVP_MAC_CTX *mac, const unsigned char *cipher_key, const unsigned char *mac_key,
    const unsigned char *vector, int is_sealing) {
    OSSL_PARAM parameters[3];
    parameters[0] = OSSL_PARAM_construct_octet_string(OSSL_MAC_PARAM_KEY, (void *)mac_key, 32);
    parameters[1] = OSSL_PARAM_construct_utf8_string(OSSL_MAC_PARAM_DIGEST, "SHA256", 0);
    parameters[2] = OSSL_PARAM_construct_end();
    if (!EVP_MAC_CTX_set_params(mac, parameters)) return 0;
    return EVP_CipherInit_ex(cipher, EVP_aes_256_cbc(), NULL, cipher_key, vector, is_sealing);
}

static inline int carillon_x509_count(STACK_OF(X509) *certificates) { return sk_X509_num(certificates); }

static inline X509 *carillon_x509_at(STACK_OF(X509) *certificates, int index) {
    return sk_X509_value(certificates, index);
}

static inline STACK_OF(X509) *carillon_x509_stack(void) { return sk_X509_new_null(); }

static inline int carillon_x509_push(STACK_OF(X509) *certificates, X509 *certificate) {
    return sk_X509_push(certificates, certificate);
}

static inline void carillon_x509_stack_free(STACK_OF(X509) *certificates) { sk_X509_free(certificates); }

// The subject alternative names of a certificate (RFC 5280 4.2.1.6); NULL where it has none.
static inline GENERAL_NAMES *carillon_names(const X509 *certificate) {
    return X509_get_ext_d2i(certificate, NID_subject_alt_name, NULL, NULL);
}

static inline int carillon_names_count(const GENERAL_NAMES *names) { return sk_GENERAL_NAME_num(names); }

static inline int carillon_name_type(const GENERAL_NAMES *names, int index) {
    return sk_GENERAL_NAME_value(names, index)->type;
}

// The bytes of a DNS name, a URI (IA5String) or an IP address (OCTET STRING); NULL for another type.
static inline const unsigned char *carillon_name_bytes(const GENERAL_NAMES *names, int index, int *count) {
    const GENERAL_NAME *name = sk_GENERAL_NAME_value(names, index);
    if (name->type != GEN_DNS && name->type != GEN_URI && name->type != GEN_IPADD) return NULL;
    *count = ASN1_STRING_length(name->d.ia5);
    return ASN1_STRING_get0_data(name->d.ia5);
}

#endif
