package drive

import (
	"bufio"
	"encoding/json"
	"fmt"
	"os"

	"rookery.test/drive/contract"
)

// command is a line of stdin; each is answered by one line with its id, whenever it is done.
type command struct {
	ID int `json:"id"`
	// Do is ask (n calls, one after the other), follow (n streams of `count` messages), load (calls until `unload`), or unload.
	Do    string `json:"do"`
	N     int    `json:"n"`
	Count int32  `json:"count"`
	// Ms is the delay that the server is asked for.
	Ms    int32  `json:"ms"`
	Group string `json:"group"`
}

type answer struct {
	ID int `json:"id"`
	*report
}

func (p Peer) call(o Options) error {
	conn, err := p.Dial(o)
	if err != nil {
		return err
	}
	c := &caller{client: contract.NewInteropClient(conn), withGroup: p.WithGroup}
	tell(map[string]bool{"dialled": true})
	lines := bufio.NewScanner(os.Stdin)
	for lines.Scan() {
		var cmd command
		if err := json.Unmarshal(lines.Bytes(), &cmd); err != nil {
			return fmt.Errorf("%q: %w", lines.Text(), err)
		}
		go func() { tell(answer{cmd.ID, c.run(cmd)}) }()
	}
	return lines.Err()
}
