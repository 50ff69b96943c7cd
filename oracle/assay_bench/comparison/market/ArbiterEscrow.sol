// SPDX-License-Identifier: MIT
pragma solidity ^0.8.28;

/// @title Escrow with a trusted arbiter, who alone decides what a seller is paid: what the product is compared with
contract ArbiterEscrow {
    struct Deal {
        address buyer;
        uint96 amount;
        address seller;
        uint64 deadline;
        address arbiter;
        bytes32 dataHash;
    }

    mapping(bytes32 id => Deal) public deals;

    event Locked(bytes32 indexed id, bytes32 dataHash);
    event Decided(bytes32 indexed id, uint256 paid);

    /// @notice Locks the most that the buyer pays, until the arbiter decides or the deadline passes.
    function lock(bytes32 id, address seller, address arbiter, uint64 deadline, bytes32 dataHash) external payable {
        require(deals[id].buyer == address(0), "the id is taken");
        deals[id] = Deal(msg.sender, uint96(msg.value), seller, deadline, arbiter, dataHash);
        emit Locked(id, dataHash);
    }

    /// @notice The arbiter, who holds data and model, says what the data are worth; the rest goes back.
    function decide(bytes32 id, uint256 paid) external {
        Deal memory deal = deals[id];
        require(msg.sender == deal.arbiter, "the arbiter decides");
        delete deals[id];
        emit Decided(id, paid);
        _send(deal.seller, paid);
        _send(deal.buyer, deal.amount - paid);
    }

    /// @notice Without a decision the buyer has its money back after the deadline.
    function refund(bytes32 id) external {
        Deal memory deal = deals[id];
        require(deal.buyer != address(0) && block.timestamp > deal.deadline, "not yet");
        delete deals[id];
        _send(deal.buyer, deal.amount);
    }

    function _send(address to, uint256 amount) private {
        if (amount == 0) return;
        (bool sent,) = to.call{value: amount}("");
        require(sent, "the transfer failed");
    }
}
