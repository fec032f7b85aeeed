package api

import (
	"context"

	"medbook/internal/auth"
	"medbook/internal/orders"
	"medbook/internal/page"
)

type placeOrderInput struct {
	Body newOrderBody
}

type newOrderBody struct {
	UserID   string      `json:"user_id" maxLength:"64" example:"0195a9d4-2f7c-7a3e-9d4e-5b1f0c8a7e21" doc:"For whom: a user of any role."`
	KitType  string      `json:"kit_type" enum:"whole-exome-sequencing,whole-genome-sequencing,targeted-sequencing,genotyping-array" example:"whole-exome-sequencing"`
	Shipping addressBody `json:"shipping" doc:"Where the kit goes."`
	Channel  string      `json:"notification_channel,omitempty" enum:"email,sms,push" doc:"By which the user is told; if left out, sms for whole-exome-sequencing and email for the other kits."`
}

type addressBody struct {
	Name       string `json:"name" minLength:"1" maxLength:"200" example:"Ann Example"`
	Line1      string `json:"line1" minLength:"1" maxLength:"200" example:"1 Main Street"`
	Line2      string `json:"line2,omitempty" maxLength:"200" example:"Apartment 4"`
	City       string `json:"city" minLength:"1" maxLength:"100" example:"New York"`
	Region     string `json:"region,omitempty" maxLength:"100" example:"NY"`
	PostalCode string `json:"postal_code" minLength:"1" maxLength:"20" example:"10001"`
	Country    string `json:"country" pattern:"^[A-Z]{2}$" patternDescription:"a code of ISO 3166-1 alpha-2" example:"US"`
}

// placeOrder orders a kit for a user: POST /v1/orders.
func (s *Server) placeOrder(ctx context.Context, by auth.Actor, in *placeOrderInput) (orders.Order, error) {
	b, to := in.Body, in.Body.Shipping
	return s.Orders.Place(ctx, by, orders.NewOrder{
		User: b.UserID, Kit: orders.Kit(b.KitType), Channel: b.Channel,
		Shipping: orders.Address{
			Name: given(to.Name), Line1: given(to.Line1), Line2: given(to.Line2), City: given(to.City),
			Region: given(to.Region), PostalCode: given(to.PostalCode), Country: given(to.Country),
		},
	})
}

type listOrdersInput struct {
	Paging
	UserID string `query:"user_id" maxLength:"64" doc:"Only this user's."`
	Status string `query:"status" enum:"placed,dispatched,sample_received,completed,cancelled" doc:"Only those that have come so far."`
}

// listOrders lists orders: GET /v1/orders.
func (s *Server) listOrders(ctx context.Context, by auth.Actor, in *listOrdersInput) (page.Of[orders.Order], error) {
	return s.Orders.Orders(ctx, by, orders.Filter{User: in.UserID, Status: orders.Status(in.Status)}, in.request)
}

// readOrder reads an order: GET /v1/orders/{id}.
func (s *Server) readOrder(ctx context.Context, by auth.Actor, in *ByID) (orders.Order, error) {
	return s.Orders.Order(ctx, by, in.ID)
}

// dispatchOrder says that the kit was sent: POST /v1/orders/{id}/dispatch.
func (s *Server) dispatchOrder(ctx context.Context, by auth.Actor, in *ByID) (orders.Order, error) {
	return s.Orders.Dispatch(ctx, by, in.ID)
}

// receiveOrder says that the sample has come: POST /v1/orders/{id}/receive.
func (s *Server) receiveOrder(ctx context.Context, by auth.Actor, in *ByID) (orders.Order, error) {
	return s.Orders.Receive(ctx, by, in.ID)
}

// completeOrder says that all is done: POST /v1/orders/{id}/complete.
func (s *Server) completeOrder(ctx context.Context, by auth.Actor, in *ByID) (orders.Order, error) {
	return s.Orders.Complete(ctx, by, in.ID)
}

// cancelOrder cancels an order: POST /v1/orders/{id}/cancel.
func (s *Server) cancelOrder(ctx context.Context, by auth.Actor, in *ByID) (orders.Order, error) {
	return s.Orders.Cancel(ctx, by, in.ID)
}

// userOrderBody is what a user carries of an order.
type userOrderBody struct {
	ID        string  `json:"id" example:"06am9n17rcy3n7w09hej8zw7wc.06am9n1b3gy3rczf0m5npyhfk4"`
	KitType   string  `json:"kit_type" enum:"whole-exome-sequencing,whole-genome-sequencing,targeted-sequencing,genotyping-array" example:"whole-exome-sequencing"`
	Status    string  `json:"status" enum:"placed,dispatched,sample_received,completed,cancelled" example:"placed"`
	CreatedAt Instant `json:"created_at" example:"2027-08-01T09:30:00Z"`
	UpdatedAt Instant `json:"updated_at" example:"2027-08-01T09:30:00Z"`
}

func userOrderOf(o orders.Order) userOrderBody {
	return userOrderBody{
		ID: o.ID.String(), KitType: string(o.Kit), Status: string(o.Status),
		CreatedAt: Instant{o.CreatedAt}, UpdatedAt: Instant{o.UpdatedAt},
	}
}

type orderBody struct {
	ID        string       `json:"id" example:"06am9n17rcy3n7w09hej8zw7wc.06am9n1b3gy3rczf0m5npyhfk4"`
	UserID    string       `json:"user_id" example:"0195a9d4-2f7c-7a3e-9d4e-5b1f0c8a7e21" doc:"For whom."`
	KitType   string       `json:"kit_type" enum:"whole-exome-sequencing,whole-genome-sequencing,targeted-sequencing,genotyping-array" example:"whole-exome-sequencing"`
	Status    string       `json:"status" enum:"placed,dispatched,sample_received,completed,cancelled" example:"placed"`
	Shipping  *addressBody `json:"shipping,omitempty" doc:"Where the kit goes; missing once the user is erased."`
	CreatedAt Instant      `json:"created_at" example:"2027-08-01T09:30:00Z"`
	CreatedBy string       `json:"created_by" example:"0195a9d4-3b1c-7c55-8f0a-0d5b6a7c8e9e" doc:"A user."`
	UpdatedAt Instant      `json:"updated_at" example:"2027-08-01T09:30:00Z" doc:"When it got its status."`
}

func orderOf(o orders.Order) orderBody {
	return orderBody{
		ID: o.ID.String(), UserID: o.User().String(), KitType: string(o.Kit), Status: string(o.Status), Shipping: shippingOf(o.Shipping),
		CreatedAt: Instant{o.CreatedAt}, CreatedBy: o.CreatedBy.String(), UpdatedAt: Instant{o.UpdatedAt},
	}
}

// shippingOf returns nil for an address that is not there.
func shippingOf(a orders.Address) *addressBody {
	if a.Name.IsZero() {
		return nil
	}
	return &addressBody{
		Name: a.Name.Reveal(), Line1: a.Line1.Reveal(), Line2: a.Line2.Reveal(), City: a.City.Reveal(),
		Region: a.Region.Reveal(), PostalCode: a.PostalCode.Reveal(), Country: a.Country.Reveal(),
	}
}

func presentOrder(o orders.Order) answer[orderBody] {
	return answer[orderBody]{ETag: o.ETag(), Body: orderOf(o)}
}

func presentNewOrder(o orders.Order) answer[orderBody] {
	out := presentOrder(o)
	out.Location = "/v1/orders/" + out.Body.ID
	return out
}
