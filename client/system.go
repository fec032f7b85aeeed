package client

import "context"

// Status returns nil when the server takes the client's credential.
func (c *Client) Status(ctx context.Context) error {
	_, _, err := c.do(ctx, get("/status"), nil)
	return err
}

// Health returns nil when the server runs, whatever its database does.
func (c *Client) Health(ctx context.Context) error {
	_, _, err := c.do(ctx, get("/healthz"), nil)
	return err
}

// Ready returns nil when the server can work: its database answers and is up to date.
func (c *Client) Ready(ctx context.Context) error {
	_, _, err := c.do(ctx, get("/readyz"), nil)
	return err
}

// OpenAPI returns the server's own description of its API, as JSON.
func (c *Client) OpenAPI(ctx context.Context) ([]byte, error) {
	_, document, err := c.do(ctx, get("/openapi.json"), nil)
	return document, err
}
